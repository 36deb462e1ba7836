"""`bin/run`: all of jobsite on one machine, under one supervisor."""
