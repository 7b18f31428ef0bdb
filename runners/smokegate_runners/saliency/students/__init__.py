"""The students: small saliency networks, the scenes they learn from, and how they are trained and exported."""
