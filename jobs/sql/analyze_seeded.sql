-- So that plans know at once what a seed has brought.
analyze jobs, audit_log, attempts, log_lines, lanes
