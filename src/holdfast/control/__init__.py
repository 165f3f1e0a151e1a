"""The control plane: Django models, uploads, rights and publication. Nothing an install needs."""
