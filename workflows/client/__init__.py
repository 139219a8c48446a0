"""A client of served models: pictures from disk, any of three protocols, patience with a busy server, boxes drawn."""
