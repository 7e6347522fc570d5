"""`python -m rawws.chat`: the same as `rawws-chat`."""

from .app import main

main()
