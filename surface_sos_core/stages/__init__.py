"""The stages of a shot, in the order of `pipeline.py`: each reads what earlier ones wrote into the shot's folder and adds to it."""
