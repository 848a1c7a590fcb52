"""Embeddings, and the FAISS index as a cache of them."""
