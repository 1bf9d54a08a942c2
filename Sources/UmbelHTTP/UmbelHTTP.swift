// Sources of UmbelHTTP follow.
