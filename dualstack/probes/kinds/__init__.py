"""Kinds of requests, one file each: what to ask, and what an answer is worth."""
