"""Several machines that train one job together: how their agents meet, start, save, stop and end."""
