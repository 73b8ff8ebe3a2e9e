"""Lists of customers for campaign tools: whom each selects, who may be contacted, how it is handed over."""
