"""Items without any contents, for models that know them by their interactions only."""

from tests.catalogue import contents

__all__ = ["contents"]
