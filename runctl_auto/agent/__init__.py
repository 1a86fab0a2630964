"""The agent: what runs on the instance. Python 3.9, standard library only.

`bundle.py`, `user_data.py` and `used_code.py` run on the developer's machine and are not part of the bundle.
"""
