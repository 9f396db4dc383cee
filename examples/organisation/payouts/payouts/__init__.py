"""What rights holders are owed."""
