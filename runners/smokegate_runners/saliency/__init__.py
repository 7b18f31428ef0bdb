"""Saliency of video: tables of clips enriched once, masks compared, students trained."""
