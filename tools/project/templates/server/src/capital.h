#ifndef CAPITAL_H
#define CAPITAL_H

/* Changes the letters of text to capital ones. */
void capital(char *text);

#endif
