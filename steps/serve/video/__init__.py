"""Videos: jobs that take minutes. Files of strangers are decoded, and results encoded, in processes of their own."""
