"""Asset checks, one module per asset group: what the contract says of the data, as the Dagster UI shows it.

Names are those of the rules, descriptions and metadata are French, like the data they speak of. A check computes
nothing itself: `quality` does. The op that makes an asset yields the results of its checks.

Two kinds. What the *publisher* may have got wrong concerns a quarter: those checks are partitioned, and a run over a
range of quarters gives one evaluation for each. What *we* may have got wrong concerns a table: those look at the
quarters that were just made, whose files never change afterwards.
"""
