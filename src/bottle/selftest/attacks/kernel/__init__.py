"""What of the kernel has often been broken, or administers the machine, does not answer in a bottle.

Each call has arguments with which it can do nothing. Where the kernel complains about those arguments, the
call was reached; where it says that there is no such call, or that it is not permitted, it was not.
"""
