// Sources of UmbelFormats follow.
