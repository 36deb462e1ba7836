"""Other queues on the same PostgreSQL, each by its own worker with the settings that its authors recommend for speed.

Each is a program with three commands, which finds its database by libpq's variables (PGHOST, PGDATABASE …):

    setup       makes its tables
    enqueue N   puts N jobs with a small payload into its queue, in bulk
    work        says `ready`, waits for a line, and works until it is killed; a job does nothing
"""
