"""Where a run goes: machines, markets, prices, network, images, and the volumes and data that tie it down."""

from runctl_auto.placement.candidates import Account as Account
from runctl_auto.placement.candidates import candidates as candidates
from runctl_auto.placement.candidates import find_account as find_account
from runctl_auto.placement.candidates import fits as fits
from runctl_auto.placement.candidates import machine_fits as machine_fits
