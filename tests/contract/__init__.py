"""The message as a contract, in files that tools read: ``python -m tests.contract``, ``make schema``.

The command writes docs/schema/ and docs/asyncapi.json. The meaning, limits and units of event data come from the types
of ``function/``, so that there is one source. The tests are in ``test_*.py`` beside the modules.

================  ====================================================================================
module            what it does
================  ====================================================================================
``body``          the outer parts of an event, as types
``attributes``    the attributes of a message, as types
``schemas``       types -> JSON Schemas that are open for consumers
``examples``      two or more example events of each type
``asyncapi``      the topics and their messages, as an AsyncAPI document
``files``         the generated files: path -> text
``validating``    a validator of the generated schemas, for tests
================  ====================================================================================
"""
