"""``python -m loyaltylab``: the commands of the study."""

from loyaltylab.cli import main

main()
