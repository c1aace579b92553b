"""Networks: from an input to a feature vector and three logits."""
