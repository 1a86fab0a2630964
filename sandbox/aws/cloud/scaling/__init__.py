"""Auto Scaling groups: what moto stores of them, made to act."""
