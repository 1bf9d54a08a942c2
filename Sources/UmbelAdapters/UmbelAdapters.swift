// Sources of UmbelAdapters follow.
