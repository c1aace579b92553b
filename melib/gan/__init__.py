"""ULME-GAN: neutral faces made expressive by AU vectors, to top up a training set; what such faces are worth."""
