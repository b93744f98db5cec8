// Removes a file, or a directory with all that is in it.
#pragma once

/// 0 or -errno. What is mounted in the tree is not entered (-EXDEV, -EBUSY).
int remove_tree(int dir, const char *name);
