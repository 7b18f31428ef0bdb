from smokegate.cli import main

main()
