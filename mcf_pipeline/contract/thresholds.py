"""From when on something is wrong, each number with its reason; `contract.rules` says of what.

What does not belong here: the largest plausible figures (`schemas.bounds`).
"""

from __future__ import annotations

from decimal import Decimal

MIN_PERSONS = 5
"""The publisher masks a line that covers fewer persons (source: its description of the dataset)."""
PARTS_RELATIVE = Decimal("0.01")
PARTS_ABSOLUTE = Decimal(1)
"""The parts may differ from the amount by the greater of 1 % and 1 €."""
PRICE_RELATIVE = Decimal("0.05")
"""Mean price times dossiers may differ from the amount by 5 %: the published mean is rounded, and a price
is not quite an engagement."""
REJECTED_SHARE = Decimal("0.01")
"""More rejected lines in a quarter, and it keeps its previous state."""
SHRINK_SHARE = Decimal("0.20")
"""A quarter that loses more of its lines or dossiers holds the release."""
GROWTH_SHARE = Decimal("0.50")
"""A quarter that was closed already and gains more holds it, too: late dossiers are few."""
MASKED_CHANGE = Decimal("0.30")
"""A closed quarter whose share of masked lines moves by more holds the release."""
PRICE_CHANGE = Decimal("0.20")
"""A closed quarter whose amount by dossier moves by more holds the release: late dossiers and cancellations change how
many there are, and hardly what one costs; prices rose by 8 % a year at most (CDC, 2020 to 2024)."""
REGION_CHANGE = Decimal("0.50")
"""A region of a closed quarter that loses or gains more of its dossiers does, too: what a whole quarter may gain."""
MIN_DOSSIERS_OF_REGION = 500
"""Dossiers that a region must have had in the quarter for that: below, masking and late dossiers move as much."""
MIN_LINES = 50
"""Lines that a quarter must have for its share of masked lines, or its amount by dossier, to say something."""
MIN_JUDGED = 150
"""Lines that must have been judged before a relation is called broken everywhere."""
MIN_JUDGED_OF_PART = 50
"""The same within one quarter or one region, of which a sample holds fewer lines."""
BROKEN_SHARE = 0.9
"""Nearly all: where so many of the judged lines break a relation, it is the release that is wrong."""
USUAL_HOURS = (15, 400)
"""Hours that a training lasts in the middle of all lines' means: 50 for employees to 82 for job seekers, 61 for all
(Dares, 2021 and 2023). In minutes it would be above 900, in days below 12; no quarter or region is 4 times another."""
MIN_JUDGED_OF_FINANCER = 20
"""Lines in which a financer pays from which its unit is judged: some pay in one of twenty, and that what the parts lack
is a thousand times one of them is no chance even in a few lines."""
MOST_LINES = 0.5
"""Most: a count of some of the dossiers equals that of all in many lines, so a wrong column shows in fewer than nearly
all of them; a line that says so by mistake is rare."""
MIN_CODES = 3
"""Codes of départements and the like from which the column cannot be of regions; one alone may be a mistake."""
USUAL_PRICES = (300, 8_000)
"""Euros that a dossier costs in the middle of all lines; 1,235 to 1,770 on average (CDC, Dares, 2020 to 2024). No
quarter and no region is four times dearer or cheaper than another; ten times all prices is outside."""
MAX_DOSSIERS_OF_QUARTER = 2_000_000
MAX_DOSSIERS_OF_YEAR = 5_000_000
"""Dossiers of the known regions. 984,000 (2020) to 1,982,900 (2021) entries a year (Dares); cancelled dossiers come on
top, but no quarter has had a whole year's, and no year more than twice the busiest."""
CUMULATED = 0.7
"""Quarters that are sums of their year so far grow from quarter to quarter, and the fourth is about four times the
first: 2.8 times at least, as in a year that begins strongly. Seasons never do both: the peaks are in March, June and
September, and 2020, whose last quarter was twice the first, had its low in the second."""
RESET = 0.6
"""And the next year begins again: its first quarter is this part of the fourth at most."""
MIN_CUMULATED = 2
"""Years that look so, and no other year that does not, before a release is refused for it."""
MIN_COPIED = 3
MIN_DOSSIERS_COPIED = 1_000
"""Regions in which two quarters have the same dossiers, or quarters in which two regions have, and dossiers in all of
them, from which it is no chance: one count of some hundreds equals another once in a hundred times, three do not."""
