"""Everything in one file, and back; kept elsewhere by itself, and proven by rehearsal."""

from app.ops.backup.restoring import Restored, confirm, restore
from app.ops.backup.trouble import Trouble
from app.ops.backup.writing import write

__all__ = ["Restored", "Trouble", "confirm", "restore", "write"]
