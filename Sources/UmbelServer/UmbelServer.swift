// Sources of UmbelServer follow.
