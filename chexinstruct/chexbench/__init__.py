"""What CheXbench asks: its parts, the rules by which studies become questions, and the draw."""
