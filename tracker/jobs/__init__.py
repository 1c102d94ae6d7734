"""What happens by itself: each job is a module with run() and preview(); `runner` runs them, `worker` keeps them going.

`run(run)` asks its questions and returns a function that writes the effects; that function is called inside the
transaction that completes the run. `preview()` says what would go out now, to whom and why, and writes nothing.
"""
