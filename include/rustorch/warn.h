// Warnings: texts for the user that do not stop the work. The handler decides where they go.
#pragma once
#include <string>

namespace rustorch {

using WarningHandler = void (*)(const std::string& text);
/// Sends a warning to the handler of the process (stderr at first; Python's warnings when loaded there).
void warn(const std::string& text);
/// Like warn, but each text is sent once.
void warn_once(const std::string& text);
/// Replaces the handler; returns the one before.
WarningHandler set_warning_handler(WarningHandler handler);

}  // namespace rustorch
