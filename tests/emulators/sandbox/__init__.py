"""``make sandbox``: both clouds kept up, with a shell in which every documented command can be typed.

===================  ============================================================================  ==============
``sandbox``          starts both clouds, and makes the environment in which programs reach them    this machine
``command``          ``make sandbox`` and ``make fault``                                           the terminal
``shell``            a shell with that environment, and its prompt                                 a process
``exports``          the environment as lines to paste or to source: bash and zsh, fish            nothing
``sensors``          sensors in DT's cloud that report by themselves                               the clock
``practice``         the faults to practise with, by name                                          both clouds
``deployed_secret``  the secret of the deployed function, by which ``make sign`` signs             a process
``control``          switches faults from another process                                          a port
===================  ============================================================================  ==============
"""
