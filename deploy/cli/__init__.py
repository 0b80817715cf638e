"""The command line: its settings, its help, and its output.

=================  ==============================================================  =====================
``parser``         the verbs, their flags and the text of ``--help``               nothing
``options``        every option, and which values are valid                        nothing
``usage``          how one verb is used, for the parser                            nothing
``settings``       flags > environment > deploy.toml -> spec; lists all errors     nothing
``settings_file``  deploy.toml -> values, and the line of every value; writes it   deploy.toml
``settings_text``  the text that init writes into deploy.toml                      nothing
``subscriptions``         [[subscriptions]] of deploy.toml, and what is wrong with them     nothing
``subscription_filter``   what Pub/Sub would refuse in a filter, or could never match       nothing
``questions``      questions with a default, and choices from long lists           nothing by itself
``completion``     the script for completion in bash, zsh and fish                 standard output
``spelling``       the known word that a mistyped one is most like                 nothing
``typed_ahead``    forgets what was typed before a question                        the terminal
``terminal``       tables, progress and questions                                  the terminal
``doorway``        standard streams, signals, exit status                          the terminal, signals
``missing``        which package is not installed, and the commands that help      the environment .venv
=================  ==============================================================  =====================
"""
