"""Both engines, held together: the same manifest on the local engine and on Argo, compared node by node."""
