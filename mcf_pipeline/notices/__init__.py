"""Telling people: one notice per release and per failure, to the addresses of ``MCF_NOTIFY``.

`facts` looks what there is to tell, `text` words it, `memory` keeps what was reported, `delivery` sends it, and
`telling` does all of it in order. The command line and the daemon both come in through `telling`; nothing here
knows Dagster, and
nothing here is loaded where ``MCF_NOTIFY`` is not set.
"""
