"""What only one provider knows."""
