// Sources of UmbelTensor follow.
