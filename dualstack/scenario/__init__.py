"""The vocabulary of scenarios: what a behaviour needs, as data.

A scenario is a class body: manifests, and named steps in order. Each step is a file here: what it needs is
known before anything is touched (`needs`), what it does is plain Python (`run`), and what it saw is a
typed value that tests wait for with `board.wait(Scenario.step)`. Steps work on a Stage; the scenarios of a
run are planned and played in dualstack/play/.
"""
