"""Draws a synthetic data set, so that everything else can be tried without images of one's own."""
