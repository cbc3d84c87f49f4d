"""The dashboard: one self-contained page made from the published file, and the small pictures of the tables.

`cube` reads the figures, `encoding` packs them, `page` puts them into the page, `writing` puts the page in place.
What is shown and how is in `front/` (JavaScript, built into `built/app.js` by ``make dashboard-front``).
"""
