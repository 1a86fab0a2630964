"""The agent: what runs on the instance. Python 3.9, standard library only.

`bundle.py` and `user_data.py` run on the developer's machine and are not part of the bundle.
"""
