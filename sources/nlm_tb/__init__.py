"""The tuberculosis sets of the US National Library of Medicine."""
