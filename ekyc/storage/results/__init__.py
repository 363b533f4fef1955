"""Records of decisions, and the results that were issued on them."""
