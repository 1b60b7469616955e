"""Reports: pages of HTML, charts in SVG, and views of tokens."""
