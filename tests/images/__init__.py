"""The images: what they are built from, and what is in them."""
