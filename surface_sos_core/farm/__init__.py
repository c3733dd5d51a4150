"""Many shots on many machines: each shot as tasks (tasks), whose turn it is (schedule), and the engines that run them.

The engines are others' own: Ray (ray_engine) runs the tasks as a schedule asks for them; an Open Job Description (open_job) is
written for farms that speak it. All call the same tasks, which any other queue may call by the command line.
"""
