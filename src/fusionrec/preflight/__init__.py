"""What a run will take: memory, disk and time of each stage, forecast from counts before it starts.

Nothing that a stage writes depends on it: `fusionrec.code` leaves it out of the fingerprints of stages.
"""
