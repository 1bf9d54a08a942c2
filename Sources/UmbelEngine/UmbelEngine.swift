// Sources of UmbelEngine follow.
