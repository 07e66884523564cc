"""What `fusionrec check` does: it looks at a folder of data, guesses its layout, and tries to read and clean it.

Nothing here is used by the pipeline: a guess becomes a parameter that the user can see and change.
"""
